-- Forget an upload. The reply names the import that was made of it.
-- include: redis_server/lua/project.lua
local upload = scoped(args.project, KEY.UPLOADS) .. args.upload_id
if redis.call('EXISTS', upload) == 0 then return {'upload_not_found', args.upload_id} end
local dataset_id = redis.call('HGET', upload, 'dataset_id')
redis.call('DEL', upload, scoped(args.project, KEY.UPLOAD_PARTS) .. args.upload_id)
return {'ok', dataset_id or ''}
