-- One dataset by id or name: a lookup of the name, then of the record, in one round trip.
local ref = args.ref
local record = redis.call('GET', KEY.DATASET .. (redis.call('HGET', KEY.DATASET_NAMES, ref) or ref))
if not record then return {'dataset_not_found', ref} end
return {'ok', record}
