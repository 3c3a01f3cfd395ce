"""Every subject, in the order of the tables."""

from __future__ import annotations

from bench import (
    cold_start,
    content_keys,
    image_builds,
    image_list,
    image_sizes,
    many_dags,
    many_images,
    parse_cost,
    plans,
    previews,
    program,
    stages,
)
from bench.subject import Subject

SUBJECTS: tuple[Subject, ...] = (
    program.SUBJECT,
    content_keys.SUBJECT,
    many_images.SUBJECT,
    parse_cost.SUBJECT,
    many_dags.SUBJECT,
    plans.SUBJECT,
    previews.SUBJECT,
    image_list.SUBJECT,
    image_sizes.SUBJECT,
    cold_start.SUBJECT,
    image_builds.SUBJECT,
    stages.SUBJECT,
)
