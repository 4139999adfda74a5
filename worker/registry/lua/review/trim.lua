-- Drop the images of a name that are too old; the whole review when the name has no model any more.
-- The reply: `gone` or nothing, then the ids of the images whose files are to be deleted.
-- include: registry/lua/shared/review.lua
local dropped = {'ok', ''}
if redis.call('EXISTS', review_key(KEY.VERSIONS)) == 0 then return {'ok', 'gone'} end
if redis.call('HEXISTS', review_key(KEY.REVIEW), 'settings') == 0 then return dropped end
trim_review(dropped, args.max_bytes)
return dropped
