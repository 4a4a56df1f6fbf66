"""What Chainlit 2.12 gets wrong and offers no setting for, a module a fault.

``tests/fixes/`` shows each of them on Chainlit as it is, by a test that is expected to fail. When one passes, Chainlit
has it right, and the module of that name can go. These modules know no room of the app but its texts: ``install`` sees
to those that need nothing of it, and ``screen/events.py`` hands the others what they call.
"""

from . import empty_first_message, foreign_links, head, lost_session, page_script, patch, speaker, uploads, welcome


def install() -> None:
    """To be called as the app is loaded, before everything else that replaces a function of Chainlit's."""
    patch.restore()
    for fix in (empty_first_message, foreign_links, head, lost_session, page_script, speaker, uploads, welcome):
        fix.install()
