select tableoid::regclass, x, k from m order by 2;
