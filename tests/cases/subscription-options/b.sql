create subscription n4_one connection 'host=127.0.0.1 port=1 dbname=x' publication p with (connect = false, slot_name = none, streaming = parallel, origin = any);
create subscription n4_two connection 'host=127.0.0.1 port=1 dbname=x' publication p with (connect = false, slot_name = none, binary, disable_on_error, run_as_owner, synchronous_commit = remote_apply);
create subscription n4_three connection 'host=127.0.0.1 port=1 dbname=x' publication p with (connect = false, slot_name = none);
create subscription n4_four connection 'host=127.0.0.1 port=1 dbname=x' publication p with (connect = false, slot_name = none);
