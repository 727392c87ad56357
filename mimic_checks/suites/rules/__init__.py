"""How the harnesses of others read an answer; what several suites are scored by."""
