"""Real processes that are killed without a word, again and again, while readings pour in; and the count afterwards."""
