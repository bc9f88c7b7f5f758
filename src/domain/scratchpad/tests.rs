//! What the grammar makes of the labelled texts, and of texts that nobody wrote.
