-- The work that has not ended and needs a dataset or a model.
-- include: redis_server/lua/project.lua

-- Add to `users` the items under these keys by status whose field names the id. `args.live` are the statuses before an end.
local function add_live_users(users, by_status, field, id)
  for _, status in ipairs(args.live) do
    for _, item_id in ipairs(redis.call('ZRANGE', by_status .. status, 0, -1)) do
      local item = redis.call('HMGET', KEY.ITEM .. item_id, field, 'project')
      if item[1] == id and (item[2] or 'default') == args.project then users[#users + 1] = item_id end
    end
  end
end
