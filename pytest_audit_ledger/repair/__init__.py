"""Restore a ledger's protections, never an entry: plan, show, and apply.

`plan.py` plans from the findings of the checks append_only and table_guard, `trigger_steps.py` and
`constraint_steps.py` decide on the steps, `step.py` has what both need, and `execution.py` applies them.
"""

from pytest_audit_ledger.repair.execution import apply_repair
from pytest_audit_ledger.repair.plan import RepairPlan, plan_repair

__all__ = ["RepairPlan", "apply_repair", "plan_repair"]
