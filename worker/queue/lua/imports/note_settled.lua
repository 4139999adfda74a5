-- Note that nothing is left to do after the end of an import; delete the import if its owner has deleted it meanwhile.
-- include: queue/lua/shared/deletion.lua
redis.call('SREM', KEY.ENDED_IMPORTS, args.item_id)
local import = load_item(args.item_id)
if import and import.is_deleted then delete_item(import) end
return {'ok'}
