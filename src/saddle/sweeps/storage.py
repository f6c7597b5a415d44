"""The databases, of optuna's kind, in which a sweep is shared: how one is opened, and what it says that fails."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Failure, Mistake, quote_for_shell, shorten_text
from .database_url import without_password
from .sampler import require_optuna

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from optuna.study import Study
    from sqlalchemy import Connection

HEARTBEAT_SECONDS = 15
LOST_SECONDS = 90  # without a heartbeat, after which another process takes up a run
BUSY_SECONDS = 60  # for which a process waits as others write to a file
OPENINGS = 5  # of a new database, as several processes make its tables at once and one alone can


def open_storage(url: str) -> RDBStorage:
    """A database, with its tables. Raises Mistake for an address that is none, and for one where nobody answers."""
    require_optuna("--storage")
    from optuna.storages import RDBStorage
    from sqlalchemy.event import listen
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    file = url.startswith("sqlite")
    kept = {"connect_args": {"timeout": BUSY_SECONDS, "isolation_level": None}} if file else {}
    for again in range(OPENINGS):
        try:
            with without_experimental():
                storage = RDBStorage(url, kept, heartbeat_interval=HEARTBEAT_SECONDS, grace_period=LOST_SECONDS)
            if file:
                listen(storage.engine, "begin", begin_alone)
            return storage
        except ArgumentError as error:
            raise Mistake(f"storage is {without_password(url)!r}, which is no address: {error}") from None
        except ImportError as error:
            raise Mistake(f"storage is {without_password(url)!r}, whose driver is not installed: "
                          f"{error.__cause__ or error}") from None  # fmt: skip
        except SQLAlchemyError as error:
            if again == OPENINGS - 1:
                raise Mistake(f"the database {without_password(url)} cannot be opened: {first_line(error)}") from None
            time.sleep(random.uniform(0.05, 0.3))
    raise AssertionError


def begin_alone(connection: Connection) -> None:
    """SQLite locks no rows, so that two could read that a trial waits before either has taken it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def create_study(url: str, folder: Path, lower: bool) -> None:
    """Make the study of a new sweep, unless another process has just done so."""
    from optuna import create_study as create

    with explained(url):
        create(study_name=study_name(folder), storage=open_storage(url), load_if_exists=True,
               direction="minimize" if lower else "maximize")  # fmt: skip


def find_study(url: str, folder: Path) -> tuple[Study, RDBStorage]:
    """The study of a sweep that was begun, and its database. Mistake where the database knows nothing of it."""
    from optuna import load_study

    storage = open_storage(url)
    try:
        with explained(url):
            return load_study(study_name=study_name(folder), storage=storage), storage
    except KeyError:
        raise Mistake(f"{folder} holds a sweep of which the database {without_password(url)} knows nothing; write that "
                      "with which it was begun, and where others share it, the folder by the same path, "
                      f"{quote_for_shell(folder.absolute())}") from None  # fmt: skip


def study_name(folder: Path) -> str:
    return f"saddle sweep {folder.absolute()}"


@contextmanager
def explained(url: str) -> Iterator[None]:
    """What a database says that fails is told in a sentence."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        why = first_line(error.__cause__ or error)
        raise Failure(f"the database {without_password(url)} fails: {why}") from None


def first_line(error: BaseException) -> str:
    return shorten_text(str(error).partition("\n")[0])


@contextmanager
def without_experimental() -> Iterator[None]:
    """Heartbeats are an experiment to optuna, and have been for years."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
