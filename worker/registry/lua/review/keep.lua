-- Keep an image whose file is in storage, unless the same image was kept before; count those that could not be kept.
-- The reply: the ids of the images whose files are to be deleted.
-- include: registry/lua/shared/review.lua
local review = review_key(KEY.REVIEW)
local dropped = {'ok'}
if redis.call('HEXISTS', review, 'settings') == 0 then return {'ok', args.id} end
if args.missed > 0 then redis.call('HINCRBY', review, 'missed', args.missed) end
if not args.id then return dropped end
local time = unix_time_s()
if redis.call('ZADD', review_key(KEY.REVIEW_SEEN), 'NX', time, args.sha256) == 0 then return {'ok', args.id} end
redis.call('HSET', review_key(KEY.REVIEW_IMAGES), args.id,
  '{"at":"' .. now() .. '","time":' .. time .. ',' .. args.image:sub(2))
redis.call('ZADD', review_key(KEY.REVIEW_WAITING), 0, args.id)
redis.call('HINCRBY', review, 'image_bytes', args.size_bytes)
trim_review(dropped, args.max_bytes)
return dropped
