"""Makes the first administrator of the FAB auth manager, or gives them the Secret's password again.

Names come from the environment, the password from a file: a command line can be read by others.
"""

from __future__ import annotations

import os
from pathlib import Path

ROLE = "Admin"


def main() -> None:
    """Runs after the migration, with the database. Airflow's own command would want the password as an option."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded

    name, password = os.environ["ADMINISTRATOR"], Path(os.environ["ADMINISTRATOR_PASSWORD_FILE"]).read_text("utf-8")
    # As FAB's own commands do: an Airflow before 3.2 knows no setting of a provider until then.
    with providers_configuration_loaded(get_application_builder)() as builder:
        manager = builder.sm
        user = manager.find_user(username=name)
        if user:
            manager.reset_password(user.id, password)
            print(f"administrator {name}: password set again")
            return
        made = manager.add_user(
            username=name,
            first_name=os.environ["ADMINISTRATOR_FIRST_NAME"],
            last_name=os.environ["ADMINISTRATOR_LAST_NAME"],
            email=os.environ["ADMINISTRATOR_EMAIL"],
            role=manager.find_role(ROLE),
            password=password,
        )
        if not made:
            raise SystemExit(f"administrator {name}: not made; the log above says why")
        print(f"administrator {name}: made")


if __name__ == "__main__":
    main()
