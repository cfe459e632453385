"""Email for Django that is dependable, fast and visible.

Import each public name from its own module; this one imports nothing, so that
it is safe before the app registry is ready.
"""

from __future__ import annotations

__version__ = "0.1.0"
