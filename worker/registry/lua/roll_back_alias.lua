-- Point an alias at the version before its present one. A repeated Idempotency-Key returns the first answer.
-- include: redis_server/lua/time.lua
-- include: redis_server/lua/json.lua
-- include: redis_server/lua/model_entries.lua
-- include: queue/lua/shared/idempotency.lua
-- include: registry/lua/shared/alias_changes.lua
local project, name, alias = args.project, args.name, args.alias
local replay = first_answer()
if replay then
  if replay[1] ~= 'ok' then return replay end
  return cjson.decode(replay[3])
end

if redis.call('HEXISTS', scoped(project, KEY.LAST_VERSIONS), name) == 0 then return {'model_not_found', name} end
local newest, change = newest_change(project, name, alias)
if not newest then return {'alias_not_found', name, alias} end
local present = redis.call('HGET', scoped(project, KEY.ALIASES) .. name, alias) or ''
if args.expected and args.expected ~= present then
  if not (change.returns_to and is_own_change(change, args.expected)) then
    return {'alias_moved', name, alias, present}
  end
else
  local version, returns_to, skipped = rollback_target(project, name, alias)
  if not version then return {'nothing_to_roll_back_to', name, alias, table.concat(skipped, ',')} end
  local notes = args.notes .. ',"returns_to":' .. returns_to .. ',"skipped":[' .. table.concat(skipped, ',') .. ']'
  set_alias(project, name, alias, version, args.by, now(), notes)
end
local reply = alias_reply(project, name, alias)
if args.idempotency_id ~= '' then
  local key = KEY.IDEMPOTENCY .. args.idempotency_id
  redis.call('HSET', key, 'body_hash', args.body_hash, 'job_id', '', 'answer', cjson.encode(reply))
  redis.call('EXPIRE', key, args.keep_s)
end
return reply
