"""The peer on FastAPI and SQLAlchemy: the list, one project and its flags, as its users write them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import create_engine, func, literal, select, tuple_
from sqlalchemy.orm import Session, joinedload, load_only, sessionmaker

from tests.benchmark.peers import common
from tests.benchmark.peers.fastapi_models import Agency, Audit, CaseFlag, Flag, Project, Token
from tests.benchmark.peers.fastapi_schemas import Detail, Filters, FlagPage, Short, ShortPage, ShownFlag

RULES = json.loads(Path(os.environ["PEER_RULES"]).read_text(encoding="utf-8"))
engine = create_engine(os.environ["PEER_DATABASE"].replace("postgresql:", "postgresql+psycopg:"))
SessionLocal = sessionmaker(engine)
application = FastAPI()
bearer = HTTPBearer()


def open_session():
    with SessionLocal() as session:
        yield session


Database = Annotated[Session, Depends(open_session)]
Bearer = Annotated[HTTPAuthorizationCredentials, Depends(bearer)]


def check_token(session: Database, credentials: Bearer) -> Token:
    token = session.get(Token, hashlib.sha256(credentials.credentials.encode()).hexdigest())
    if token is None:
        raise HTTPException(401)
    return token


Caller = Annotated[Token, Depends(check_token)]


SORTS = {name: getattr(Project, name) for name in (*common.INSTANTS, "number", "budget_kzt", "started_on")}
ENDS = {"budget_kzt": (-1, 2**63 - 1), "started_on": (date.min, date.max)}
PARSERS = {"number": str, "budget_kzt": int, "started_on": date.fromisoformat}
LISTED = [getattr(Project, name) for name in common.SHORT if name not in ("agency", "started_on")]
LISTED += [Project.registered_at, Project.contract_signed_on, Project.work_started_on]


@application.get("/api/v1/projects")
def list_projects(query: Annotated[Filters, Query()], session: Database, caller: Caller) -> ShortPage:
    down, name = query.sort.startswith("-"), query.sort.removeprefix("-")
    if name not in SORTS:
        raise HTTPException(422, "unknown sort")
    key = SORTS[name]
    if name in ENDS:
        key = func.coalesce(key, literal(ENDS[name][0 if down else 1], literal_execute=True))
    rows = select(Project, key).where(Project.withdrawn_at.is_(None)).limit(query.limit + 1)
    rows = rows.options(load_only(*LISTED), joinedload(Project.agency).load_only(Agency.bin))
    for field in common.FILTERS:
        if (value := getattr(query, field)) is not None:
            codes = value.split(",")
            if not set(codes) <= set(common.FILTERS[field]):
                raise HTTPException(422, f"unknown {field}")
            rows = rows.where(getattr(Project, field).in_(codes))
    if query.cursor is not None:
        value, last = json.loads(base64.urlsafe_b64decode(query.cursor))
        edge = tuple_(literal(PARSERS.get(name, datetime.fromisoformat)(value)), literal(last))
        rows = rows.where(tuple_(key, Project.id) < edge if down else tuple_(key, Project.id) > edge)
    rows = rows.order_by(*((key.desc(), Project.id.desc()) if down else (key, Project.id)))
    results = session.execute(rows).all()
    more = None
    if len(results) > query.limit:
        project, value = results[query.limit - 1]
        shown = value if isinstance(value, int) else str(value)
        more = base64.urlsafe_b64encode(json.dumps([shown, project.id]).encode()).decode()
    return ShortPage(items=[Short.model_validate(project) for project, _ in results[: query.limit]], next=more)


def find(session: Session, number: str, *options: Any) -> Project:
    project = session.scalar(select(Project).where(Project.number == number).options(*options))
    if project is None:
        raise HTTPException(404)
    return project


@application.get("/api/v1/projects/{number}")
def one_project(number: str, session: Database, caller: Caller) -> Detail:
    return Detail.model_validate(find(session, number, joinedload(Project.agency).load_only(Agency.bin)))


@application.get("/api/v1/projects/{number}/flags")
def flags(number: str, session: Database, caller: Caller, limit: int = 50, after: int | None = None) -> FlagPage:
    project = find(session, number, load_only(Project.number))
    case = select(func.max(CaseFlag.case_id)).where(CaseFlag.flag_id == Flag.id).scalar_subquery()
    audit = select(func.max(Audit.on)).where(Audit.status == "succeeded").scalar_subquery()
    rows = select(Flag, case, audit).where(Flag.project_id == project.id).order_by(Flag.id.desc()).limit(limit + 1)
    if after is not None:
        rows = rows.where(Flag.id < after)
    results = session.execute(rows).all()
    items = []
    for flag, case_id, last_on in results[:limit]:
        seen = flag.last_seen_on if flag.status == "cleared" else max(last_on, flag.opened_on)
        own = {name: getattr(flag, name) for name in common.STORED_OF_FLAG}
        texts = RULES[flag.rule]
        linked = {"project": project.number, "exemption": flag.exemption_id, "case": case_id, "last_seen_on": seen}
        items.append(ShownFlag(**own, **texts, **linked))
    return FlagPage(items=items, next=str(items[-1].id) if len(results) > limit else None)
