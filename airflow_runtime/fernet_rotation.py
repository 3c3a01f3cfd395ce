"""Airflow's own ``rotate-fernet-key`` while tasks are deferred: it ends at the first trigger that is not encrypted.

What a task that defers hands over is stored as it comes, in plain JSON; Airflow reads it either way.
"""

from __future__ import annotations

import os
import sys

from airflow.models.crypto import get_fernet
from airflow.models.trigger import Trigger
from airflow.utils.session import create_session
from sqlalchemy import select, update


def encrypt_triggers() -> int:
    """Encrypt what triggers hold in plain JSON; returns how many did."""
    fernet = get_fernet()
    with create_session() as session:
        # By Airflow's own sign.
        plain = select(Trigger.id, Trigger.encrypted_kwargs).where(Trigger.encrypted_kwargs.startswith("{"))
        found = session.execute(plain).all()
        for number, text in found:
            # One that has fired meanwhile is gone: no row to write, and no fault.
            encrypted = fernet.encrypt(text.encode()).decode()
            session.execute(update(Trigger).where(Trigger.id == number).values(encrypted_kwargs=encrypted))
    return len(found)


def main() -> None:
    """Runs in a Job, which begins again where a task defers between the two steps."""
    print(f"{encrypt_triggers()} triggers were not encrypted", flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "airflow", "rotate-fernet-key"])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
