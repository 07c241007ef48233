"""What `auto` takes: the choice by predicted times, what then runs, and prices fitted to a machine."""
