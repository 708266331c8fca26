"""What a cluster of PostgreSQL servers (Citus) would refuse or spread, found in a statement's text.

Rules 1 to 4 were refused by a real cluster, rule 5 is about speed: a hot statement that asks all shards does not scale.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain

import sqlglot
from sqlglot import exp

from limpet.store.database import migrations
from limpet.store.queries import Query, Reach

VOLATILE = frozenset(
    {"random", "clock_timestamp", "timeofday", "gen_random_uuid", "nextval", "setseed", "txid_current"}
)
TIMES = frozenset(
    {"now", "current_timestamp", "statement_timestamp", "transaction_timestamp", "localtimestamp", "current_date"}
)
_SCOPES = (exp.Select, exp.Update, exp.Delete)
_TABLE = re.compile(r"CREATE (?:UNLOGGED )?TABLE (\w+) \((.*?)\n\)", re.DOTALL)
_BUCKET = re.compile(r"^\s+bucket\s", re.MULTILINE)


@cache
def distributed_tables() -> frozenset[str]:
    """The tables that have a bucket."""
    made = chain.from_iterable(_TABLE.findall(step.text) for step in migrations())
    return frozenset(name for name, columns in made if _BUCKET.search(columns))


def offences(statement: Query) -> list[str]:
    """The rules that a statement breaks, each in a few words; none for a statement that touches only reference tables."""
    tree = sqlglot.parse_one(statement.text, dialect="postgres")
    touched = {table.name for table in tree.find_all(exp.Table)} & distributed_tables()
    if not touched:
        return ["hot, but nothing in it grows"] if statement.reach is Reach.HOT else []
    found = [*_locks(tree), *_conflicts(tree), *_functions(tree), *_moves(tree)]
    if statement.reach is Reach.REFERENCE:
        found.append(f"called reference, but it touches {', '.join(sorted(touched))}")
    if statement.reach is Reach.HOT:
        found.extend(_spreads(tree))
    return found


def _locks(tree: exp.Expression) -> Iterator[str]:
    """R1: a lock clause where no bucket is given."""
    for select in tree.find_all(exp.Select):
        if select.args.get("locks") and any(not _has_bucket(select, table) for table in _grown(select)):
            yield "R1: a lock without a bucket"


def _conflicts(tree: exp.Expression) -> Iterator[str]:
    """R2: a subquery inside ON CONFLICT."""
    for conflict in tree.find_all(exp.OnConflict):
        if conflict.find(exp.Select):
            yield "R2: a subquery in ON CONFLICT"


def _functions(tree: exp.Expression) -> Iterator[str]:
    """R3: a volatile function in UPDATE or DELETE; and time, which is a parameter everywhere."""
    changes = tree.find(exp.Update, exp.Delete) is not None
    for function in tree.find_all(exp.Func):
        name = (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()
        written = function.sql(dialect="postgres").lower().split("(")[0].strip()
        if {name, written} & TIMES:
            yield "R3: time that is no parameter"
        if changes and {name, written} & VOLATILE:
            yield f"R3: {written} in a change"


def _moves(tree: exp.Expression) -> Iterator[str]:
    """R4: a bucket that is set."""
    for change in tree.find_all(exp.Update, exp.OnConflict):
        for assignment in change.expressions:
            if any(column.name == "bucket" for column in _assigned(assignment)):
                yield "R4: a bucket is updated"


def _assigned(assignment: exp.Expression) -> Iterator[exp.Column]:
    if isinstance(assignment, exp.EQ):
        yield from (
            [assignment.this] if isinstance(assignment.this, exp.Column) else assignment.this.find_all(exp.Column)
        )


def _spreads(tree: exp.Expression) -> Iterator[str]:
    """R5: a scope that reads or changes what grows, without a bucket given from outside for each such table."""
    for scope in tree.find_all(*_SCOPES):
        for table in _grown(scope):
            if not _has_bucket(scope, table):
                yield f"R5: {table.alias_or_name} without a bucket"
    for insert in tree.find_all(exp.Insert):
        named = insert.this.expressions if isinstance(insert.this, exp.Schema) else []
        if "bucket" not in {column.name for column in named}:
            yield "R5: an insert without a bucket"
        conflict = insert.args.get("conflict")
        keys = conflict.args.get("conflict_keys") if conflict else None
        if keys and "bucket" not in {key.name for key in keys}:
            yield "R5: a conflict that is not sought by bucket"


def _scope_of(node: exp.Expression) -> exp.Expression | None:
    return node.find_ancestor(*_SCOPES, exp.Insert)


def _grown(scope: exp.Expression) -> list[exp.Table]:
    """The distributed tables that this scope itself names, not one inside it."""
    return [
        table for table in scope.find_all(exp.Table) if table.name in distributed_tables() and _scope_of(table) is scope
    ]


def _has_bucket(scope: exp.Expression, table: exp.Table) -> bool:
    """Whether a condition that always holds gives this table's bucket by parameter: `= $1`, `= ANY ($1)` or `IN ($1, …)`."""
    alone = len(list(scope.find_all(exp.Table, exp.Unnest))) == 1 or len(_grown(scope)) == 1
    return any(_gives_bucket(condition, table.alias_or_name, alone) for condition in _conjuncts(scope))


def _gives_bucket(condition: exp.Expression, alias: str, alone: bool) -> bool:
    if isinstance(condition, exp.EQ):
        given = isinstance(condition.expression.unnest(), exp.Parameter) or (
            isinstance(condition.expression, exp.Any) and isinstance(_bare(condition.expression.this), exp.Parameter)
        )
        return given and _is_bucket(condition.this, alias, alone)
    if isinstance(condition, exp.In):
        return all(isinstance(_bare(each), exp.Parameter) for each in condition.expressions) and bool(
            condition.expressions and _is_bucket(condition.this, alias, alone)
        )
    return False


def _bare(node: exp.Expression) -> exp.Expression:
    while isinstance(node, exp.Paren | exp.Cast | exp.Tuple):
        node = node.expressions[0] if isinstance(node, exp.Tuple) else node.this
    return node


def _is_bucket(node: exp.Expression, alias: str, alone: bool) -> bool:
    return (
        isinstance(node, exp.Column) and node.name == "bucket" and (node.table == alias or (alone and not node.table))
    )


def _conjuncts(scope: exp.Expression) -> Iterator[exp.Expression]:
    """The conditions of WHERE and JOIN … ON that must all hold: what is under OR or NOT does not count."""
    joined = [join.args["on"] for join in scope.find_all(exp.Join) if join.args.get("on") and _scope_of(join) is scope]
    where = scope.args.get("where")
    for condition in [*([where.this] if where else []), *joined]:
        yield from _flat(condition)


def _flat(condition: exp.Expression) -> Iterator[exp.Expression]:
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _flat(condition.left)
        yield from _flat(condition.right)
    else:
        yield condition
