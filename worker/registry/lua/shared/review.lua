-- The images that are kept for a review: where they are, and which of them are too many.
-- include: redis_server/lua/project.lua
-- include: redis_server/lua/time.lua
local MOST_SEEN = 20000

local function review_key(key) return scoped(args.project, key) .. args.name end

-- A kept image; after a restore it may be missing, because a backup reads the keys one after the other.
local function kept_image(id)
  local text = redis.call('HGET', review_key(KEY.REVIEW_IMAGES), id)
  return text and cjson.decode(text) or {time = 0, size_bytes = 0, sha256 = ''}
end

-- Forget an image that is kept; the reply of the script names it, so that its file is deleted. With `digest_too` the same
-- image may come again.
local function drop_image(dropped, id, digest_too)
  local image = kept_image(id)
  redis.call('HDEL', review_key(KEY.REVIEW_IMAGES), id)
  redis.call('HDEL', review_key(KEY.REVIEW_LABELS), id)
  for _, key in ipairs({KEY.REVIEW_WAITING, KEY.REVIEW_LABELLED, KEY.REVIEW_TAKEN}) do
    redis.call('ZREM', review_key(key), id)
  end
  redis.call('HINCRBY', review_key(KEY.REVIEW), 'image_bytes', -image.size_bytes)
  if digest_too then redis.call('ZREM', review_key(KEY.REVIEW_SEEN), image.sha256) end
  dropped[#dropped + 1] = id
end

-- Drop what is too old, too much or too large together: the oldest first, those with a label last, and none of which a
-- dataset version is being made.
local function trim_review(dropped, max_bytes)
  local settings = cjson.decode(redis.call('HGET', review_key(KEY.REVIEW), 'settings'))
  local oldest = unix_time_s() - settings.max_days * 86400
  local function is_too_much()
    return redis.call('HLEN', review_key(KEY.REVIEW_IMAGES)) > settings.max_images
      or tonumber(redis.call('HGET', review_key(KEY.REVIEW), 'image_bytes') or 0) > max_bytes
  end
  for _, key in ipairs({KEY.REVIEW_WAITING, KEY.REVIEW_LABELLED}) do
    while true do
      local id = redis.call('ZRANGE', review_key(key), 0, 0)[1]
      if not id then break end
      local is_old = kept_image(id).time < oldest
      if not is_old and not is_too_much() then break end
      drop_image(dropped, id, true)
    end
  end
  redis.call('ZREMRANGEBYRANK', review_key(KEY.REVIEW_SEEN), 0, -MOST_SEEN - 1)
end
