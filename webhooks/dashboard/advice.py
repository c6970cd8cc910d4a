"""What each error class means for who runs the documents, and what to do about it. One table for all pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Advice:
    """An error class in words: a short name, what happened, what to do, and whether a replay helps. `helps`: it does as things stand."""

    name: str
    meaning: str
    do: str
    replay: str
    helps: bool = False


ADVICE: Final[Mapping[str, Advice]] = {
    "validation": Advice(
        "Values refused",
        "The ERP read the request and does not accept its values. Nothing was changed there.",
        "Read the message: it names what is wrong. Correct the values, here by “edit and replay”, or in the ERP.",
        "A replay helps only after something was corrected: the same values would be refused again.",
    ),
    "missing_reference": Advice(
        "Something is missing",
        "The request names something that the ERP does not have: an item, a warehouse, a kit, or the document itself.",
        "Create what is missing in the ERP, or correct the name by “edit and replay”.",
        "A replay helps once it is there.",
    ),
    "duplicate": Advice(
        "It exists already",
        "What was to be made is there already, perhaps from an earlier try or made by hand.",
        "Look at the one that is there. If it is what you wanted, mark this job as done, or discard it.",
        "A replay does not help while the other one exists.",
    ),
    "conflict": Advice(
        "Something stands against it",
        "The state of the document or kit does not allow it: it is on hold, was released or changed, or a safety limit was met.",
        "Look at the document as it is now. Take away what stands against it, or decide that nothing is left to do.",
        "A replay helps once nothing stands against it.",
    ),
    "auth": Advice(
        "Not let in",
        "The ERP refuses our sign-in, or does not give it the rights for this. All jobs on this connection are likely to meet the same.",
        "An administrator should check client id, secret, scopes and tenant id: “kitrelay check” says which one is refused.",
        "A replay helps once the sign-in works.",
    ),
    "rate_limited": Advice(
        "Too many calls",
        "The ERP takes no more calls for now, and this went on until the attempts were used up.",
        "Nothing is wrong with the document. See under Controls how many calls are left, and who uses them.",
        "A replay helps: it waits for its turn.",
        helps=True,
    ),
    "unavailable": Advice(
        "ERP not available",
        "The ERP was down, or answered with a fault of its own, until the attempts were used up.",
        "See under Controls whether the connection is up again.",
        "A replay helps once it is up. It looks first whether an earlier try was carried out.",
        helps=True,
    ),
    "timeout": Advice(
        "No answer in time",
        "The ERP did not answer in time, until the attempts were used up.",
        "See under Controls whether the connection is slow. Look at the document before you do by hand what the job was to do.",
        "A replay helps once the ERP answers again. It looks first whether an earlier try was carried out.",
        helps=True,
    ),
    "in_doubt": Advice(
        "Nobody can tell whether it happened",
        "The request may have been carried out, or not: the answer was lost, and the ERP shows neither. So it was not sent again.",
        "Look in the ERP whether what the job was to do is there. If it is, mark the job as done. If it is not, replay it.",
        "A replay sends it again: only after somebody has looked, or it may be done twice.",
    ),
    "expired": Advice(
        "No end was seen",
        "The ERP took the work, but no end was seen before the ERP forgot the operation.",
        "Look at the document as it is now. If it is as the job wanted, mark the job as done.",
        "A replay looks at the document first.",
    ),
    "poison": Advice(
        "Set aside",
        "The job ended the process that worked on it three times, so it is not started any more. Other jobs are not held up.",
        "Report it with this page: it is most likely a fault of kitrelay.",
        "A replay helps only after the fault is mended.",
    ),
    "bug": Advice(
        "A fault of kitrelay",
        "Something happened that kitrelay did not expect. Nothing says that your document is wrong.",
        "Report it with this page. Look at the document before you do by hand what the job was to do.",
        "A replay may meet the same fault again.",
    ),
}

CLASSES: Final = tuple((name, f"{advice.name} ({name})") for name, advice in ADVICE.items())
"""The classes to choose from, in words."""


def advice_of(error_class: str) -> Advice:
    """The advice for a class; for one that this version does not know, that it does not."""
    return ADVICE.get(error_class, _UNKNOWN)


_UNKNOWN: Final = Advice(
    "Failed", "This version of kitrelay does not know this class of error.", "Read the message.", "Nobody can say whether a replay helps."
)
