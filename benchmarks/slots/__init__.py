"""Kill and freeze schedulers that share a store, and count every slot afterwards."""
