"""I15: a hash chain over the messages of each thread, so that whoever changes, removes, adds or moves one behind the
app's back is found out. docs/proof.md says what it proves and what it cannot.

Always true: a message that is not being streamed is named by exactly one link, whose digest is that of what it says. So
links are made in the transaction of the write, for whatever messages it touches. A link that is replaced forgets its
message and its salt: what stays of it tells nothing of what was said.
"""
