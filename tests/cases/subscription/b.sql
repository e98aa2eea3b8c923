create subscription n2_kept connection 'host=127.0.0.1 port=1 dbname=x password=secret' publication p with (connect = false);
create subscription n2_changed connection 'host=127.0.0.1 port=1 dbname=y' publication q with (connect = false, slot_name = none, synchronous_commit = 'local');
create subscription n2_made connection 'host=127.0.0.1 port=1 dbname=x' publication "P q" with (connect = false, slot_name = other_made);
comment on subscription n2_changed is 'd';
