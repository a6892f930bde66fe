"""The admin listener: health, metrics, and what is in force and why. It changes no document.

Plain twisted.web on a listener of its own. Whatever is asked, the event loop is never kept for longer than a few
milliseconds: answers are made and sent in slices.
"""

from gwt.admin.guard import objection
from gwt.admin.observed import Observed
from gwt.admin.service import Admin
from gwt.admin.watched import Dialled

__all__ = ["Admin", "Dialled", "Observed", "objection"]
