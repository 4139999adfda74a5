-- Count a part of an upload if it begins where the parts before it end: of two parts for one place, the first counts.
-- include: redis_server/lua/project.lua
local upload = scoped(args.project, KEY.UPLOADS) .. args.upload_id
local parts = scoped(args.project, KEY.UPLOAD_PARTS) .. args.upload_id
local offset, length = unpack(redis.call('HMGET', upload, 'offset', 'length'))
if not offset then return {'upload_not_found', args.upload_id} end
if args.part and redis.call('LINDEX', parts, -1) == args.part then return {'ok', offset} end -- a repetition

local said = length ~= '' and tonumber(length)
local total = said or args.length
local after = args.offset + args.size_bytes
if tonumber(offset) ~= args.offset or (said and args.length and said ~= args.length) or (total and after > total) then
  return {'wrong_offset', offset}
end
if redis.call('LLEN', parts) >= args.max_parts then return {'too_many_parts', args.max_parts} end

redis.call('HSET', upload, 'offset', string.format('%.0f', after), 'length', total and string.format('%.0f', total) or '')
if args.part then redis.call('RPUSH', parts, args.part) end
redis.call('EXPIRE', upload, args.kept_s)
redis.call('EXPIRE', parts, args.kept_s)
return {'ok', string.format('%.0f', after)}
