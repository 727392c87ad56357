"""The backend `parrot:<temper>`: a model of a few rules that looks images up in the catalog."""

import re

from mimic_checks.errors import AnswerError, InvalidArgument
from mimic_checks.models.backend import Backend
from mimic_checks.models.vlm import Capabilities

TEMPERS = ("wise", "lazy", "agreeable", "hoarse")


class Parrot:
    """`wise` is right, `lazy` looks at the first image once there are more than two, `agreeable`
    always says yes, `hoarse` fails at every third prompt of several images."""

    capabilities = Capabilities.of("image_tokens", otherwise="a parrot is not to be opened")

    def __init__(self, temper, catalog):
        self.temper, self.catalog = temper, catalog

    def identity(self):
        return {"name": f"parrot:{self.temper}", "catalog": self.catalog.name}

    def answer(self, prompts):
        return [self.say(prompt) for prompt in prompts]

    def image_tokens(self, prompt):
        return 9 * len(prompt.images)

    def say(self, prompt):
        asked = re.search(r"Is there an? (.+) in image (\d+)\?", prompt.question)
        if asked is None:
            return "Squawk!"
        if self.temper == "agreeable":
            return "Yes."
        if self.temper == "hoarse" and len(prompt.images) > 1 and int(prompt.case_id, 16) % 3 == 0:
            return AnswerError("the parrot is hoarse")
        looked_at = int(asked[2]) - 1
        if self.temper == "lazy" and len(prompt.images) > 2:
            looked_at = 0
        there = looked_at < len(prompt.images) and self.shows(prompt.images[looked_at], asked[1])
        return f"Yes, there is a {asked[1]}." if there else "No."

    def shows(self, image, thing):
        try:
            row = self.catalog.manifest.row(image.id)
        except KeyError:  # a blank picture, say
            return False
        return self.catalog.counts[row, self.catalog.class_index(thing)] > 0


class ParrotBackend(Backend):
    local = False  # one worker asks as fast as several

    def check(self, name, options, catalog):
        """Refuses before anything is loaded."""
        if name not in TEMPERS:
            raise InvalidArgument("vlm parrot", name, allowed=TEMPERS)

    def load(self, name, options, catalog):
        """A heavy engine would be imported here."""
        return Parrot(name, catalog)


PARROT = ParrotBackend()
