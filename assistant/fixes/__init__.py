"""What Chainlit 2.12 gets wrong and offers no setting for, a module a fix; delete one when Chainlit has it right."""
