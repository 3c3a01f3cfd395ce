"""Every subject, in the order of the tables."""

from __future__ import annotations

from bench import content_keys, many_images, program, stages
from bench.subject import Subject

SUBJECTS: tuple[Subject, ...] = (
    program.SUBJECT,
    content_keys.SUBJECT,
    many_images.SUBJECT,
    stages.SUBJECT,
)
