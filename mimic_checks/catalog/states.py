"""What is certain of one class in one image, as one small number, a state:

k > 0    present, exactly k instances
PRESENT  present, nobody may be asked how often
ABSENT   certainly not there
DOUBT    unknown: a question that would depend on it is never asked
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# In this order, "certainly there" is one range, from PRESENT up: `Presence` sorts by states.
PRESENT, ABSENT, DOUBT = 0, -1, -2
States = NDArray[np.int16]


def believed(shown: States) -> States:
    """The states if what nobody verified were absent: good enough to train on, never to judge
    by."""
    return np.where(shown == DOUBT, ABSENT, shown)
