"""The task "Is there a dog in image 2?": yes or no, about one image of several."""

import re

from mimic_checks.tasks import Task, Unread, YesNo
from mimic_checks.tasks.yes_no import YES_NO


class InImage(Task):
    name = "in_image"
    truth_type = YesNo

    def question(self, template, *, thing, number):
        """The wording; only the strategies of this task's cases call it."""
        article = "an" if thing[0] in "aeiou" else "a"
        stem = f"Is there {article} {thing} in image {number}?"
        return YES_NO.question(template, stem=stem)

    def read(self, answer, truth, offered, vocabulary):
        """A yes or no as the built-in task reads it, or a sentence about the one thing offered."""
        read = YES_NO.read(answer, truth, offered, vocabulary)
        if not isinstance(read, Unread):
            return read
        (thing,) = offered
        sentence = rf"there is (?:(no)|not an?|an?) {re.escape(thing)}\W*"
        if said := re.fullmatch(sentence, answer.strip().lower()):
            return YesNo(not said[0].startswith(("there is no ", "there is not ")))
        return read  # unread, and why: never a guess

    def blind_answers(self, truth, images, offered, vocabulary):
        """What could be said without a look at the images."""
        return {"always yes": YesNo(True), "always no": YesNo(False)}


IN_IMAGE = InImage()
