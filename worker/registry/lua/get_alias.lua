-- One alias of a name: its model, its newest change, and where a rollback would lead.
-- include: registry/lua/shared/alias_changes.lua
if redis.call('HEXISTS', scoped(args.project, KEY.LAST_VERSIONS), args.name) == 0 then
  return {'model_not_found', args.name}
end
return alias_reply(args.project, args.name, args.alias)
