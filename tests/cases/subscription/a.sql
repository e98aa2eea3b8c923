create subscription n2_kept connection 'host=127.0.0.1 port=1 dbname=x password=secret' publication p with (connect = false);
create subscription n2_changed connection 'host=127.0.0.1 port=1 dbname=x' publication p, q with (connect = false, slot_name = none);
create subscription n2_gone connection 'host=127.0.0.1 port=1 dbname=x' publication p with (connect = false, slot_name = other);
comment on subscription n2_changed is 'c';
