"""Full text: what was said is found again. Texts are folded and cut in one place, for the index of any database."""
