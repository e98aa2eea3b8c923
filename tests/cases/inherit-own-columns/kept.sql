select tableoid::regclass, a, z from c order by 2;
