-- What has arrived of an upload: its record, offset, length, dataset and remaining time, then its parts.
-- include: redis_server/lua/project.lua
local upload = scoped(args.project, KEY.UPLOADS) .. args.upload_id
local state = redis.call('HMGET', upload, 'record', 'offset', 'length', 'dataset_id')
if not state[1] then return {'upload_not_found', args.upload_id} end
local reply = {'ok', state[1], state[2], state[3], state[4] or '', tostring(redis.call('TTL', upload))}
for _, part in ipairs(redis.call('LRANGE', scoped(args.project, KEY.UPLOAD_PARTS) .. args.upload_id, 0, -1)) do
  reply[#reply + 1] = part
end
return reply
