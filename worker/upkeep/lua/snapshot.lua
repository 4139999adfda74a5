-- Reads all records at one moment. For rows, logs and events, which may be large, it returns only the key, and for a
-- stream its last id. Redis runs no other command meanwhile, so TYPE is called only when the key does not show the type.
local SKIPPED = {
  [KEY.WORKERS] = true, [KEY.WORKERS_EXPIRE] = true, [KEY.WORKER_LANES] = true, [KEY.CLAIMER_DEVICES] = true,
  [KEY.CLAIMERS_EXPIRE] = true, [KEY.LIGHT_CLAIMERS_EXPIRE] = true, [KEY.LARGEST] = true, [KEY.LIGHT_WAKE_UPS] = true,
  [KEY.FIRST_REPLIES] = true, [KEY.RESTORE] = true, [KEY.UPKEEP_ROLES] = true,
}
local BULK = {[KEY.ROWS] = 'hash', [KEY.BESTS] = 'hash', [KEY.LOGS] = 'list', [KEY.EVENTS] = 'stream'}
local READ = {
  string = function(key) return redis.call('GET', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
}

local records, bulk = {}, {}
local function note_bulk(key, kind)
  local last = kind == 'stream' and redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  bulk[#bulk + 1] = {key, kind, last and last[1] or ''}
end

for _, key in ipairs(redis.call('KEYS', KEY.PREFIX .. '*')) do
  local prefix = key:match('^.*:')
  if key == KEY.FEED then
    note_bulk(key, 'stream')
  elseif BULK[prefix] then
    note_bulk(key, BULK[prefix])
  elseif not SKIPPED[key] and not SKIPPED[prefix] then
    local kind = prefix == KEY.ITEM and 'hash' or prefix == KEY.MODEL and 'string' or redis.call('TYPE', key).ok
    local expires_at = key:find(KEY.IDEMPOTENCY, 1, true) == 1 and redis.call('PEXPIRETIME', key) or 0
    records[#records + 1] = {key, kind, expires_at, READ[kind](key)}
  end
end
return {'ok', records, bulk}
