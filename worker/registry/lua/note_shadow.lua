-- Count what a shadow answered, add its disagreements, and drop those and the images that are too many, too large or too old.
-- The reply: the ids of the disagreements whose images are to be deleted.
-- include: redis_server/lua/project.lua
-- include: redis_server/lua/time.lua
local counts = scoped(args.project, KEY.SHADOW) .. args.pair
local entries = scoped(args.project, KEY.SHADOW_DISAGREEMENTS) .. args.pair
local images = scoped(args.project, KEY.SHADOW_IMAGES) .. args.pair
local at, time = now(), unix_time_s()

if redis.call('EXISTS', counts) == 0 then
  if not next(args.counts) then return {'ok'} end
  redis.call('HSET', counts, 'since', at)
end
for name, number in pairs(args.counts) do redis.call('HINCRBY', counts, name, number) end
for _, entry in ipairs(args.disagreements) do
  redis.call('LPUSH', entries, '{"at":"' .. at .. '",' .. entry.json:sub(2))
  if entry.image_bytes > 0 then
    redis.call('LPUSH', images, cjson.encode({id = entry.id, bytes = entry.image_bytes, time = time}))
    redis.call('HINCRBY', counts, 'image_bytes', entry.image_bytes)
  end
end
redis.call('LTRIM', entries, 0, args.most - 1)

local dropped = {'ok'}
local function is_too_much(image)
  return redis.call('LLEN', images) > args.keep_images or time - image.time > args.keep_s
    or tonumber(redis.call('HGET', counts, 'image_bytes')) > args.keep_bytes
end
while true do
  local oldest = redis.call('LRANGE', images, -1, -1)[1]
  local image = oldest and cjson.decode(oldest)
  if not image or not is_too_much(image) then break end
  redis.call('LTRIM', images, 0, -2)
  redis.call('HINCRBY', counts, 'image_bytes', -image.bytes)
  dropped[#dropped + 1] = image.id
end
for _, key in ipairs({counts, entries, images}) do redis.call('EXPIRE', key, args.expire_s) end
return dropped
