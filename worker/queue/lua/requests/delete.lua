-- Delete the record of a work item that has ended, and whose checkpoints the caller has deleted.
-- An import whose end is not settled yet is hidden from its owner: the settlement needs its record, and deletes it.
-- include: queue/lua/shared/deletion.lua
local item, refusal = requested_item()
if refusal then return refusal end
if not TERMINAL[item.status] then return {'wrong_state', item.id, item.status, 'cancelled,failed,succeeded'} end

if args.project and redis.call('SISMEMBER', KEY.ENDED_IMPORTS, item.id) == 1 then
  unlist(item)
  set_fields(item, {is_deleted = 'yes'})
else
  delete_item(item)
end
return {'ok'}
