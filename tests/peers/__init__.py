"""Small programs on which at least one other Python tool was seen to give a wrong answer, or none; each has a known right one."""
