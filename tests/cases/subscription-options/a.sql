-- server: 17
create subscription n4_one connection 'host=127.0.0.1 port=1 dbname=x' publication p with (connect = false, slot_name = none, binary, streaming = on, disable_on_error, password_required = false, run_as_owner, origin = none);
create subscription n4_two connection 'host=127.0.0.1 port=1 dbname=x' publication p with (connect = false, slot_name = none);
create subscription n4_three connection 'host=127.0.0.1 port=1 dbname=x' publication p with (connect = false, slot_name = none, two_phase);
create subscription n4_four connection 'host=127.0.0.1 port=1 dbname=x' publication p with (connect = false, slot_name = none, failover);
