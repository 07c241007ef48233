"""What stands out in an inspection, in sentences."""

from __future__ import annotations

from fieldmark.models.inspection.layer import Inspection


def notes(inspection: Inspection) -> tuple[str, ...]:
    return ()
