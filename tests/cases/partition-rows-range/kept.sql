select at, kind, note from events order by note;
