"""The ground floor: where files live and how they are written, threads and processes, the machine, letters."""
