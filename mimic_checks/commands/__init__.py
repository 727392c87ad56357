"""The subcommands of `mimic-checks`, a module each: its arguments (`add_...`) and its few lines of
work, which import what they need when they run.
"""
