local model_id, name, version, manifest = unpack(ARGV)
if redis.call('EXISTS', KEY.MODEL .. model_id) == 1 then return {'ok', ''} end
register(model_id, name, version, manifest)
return {'ok', 'new'}
