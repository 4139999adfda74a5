-- Apply one report of an attempt. `seq` is the number of the report; of a repeated report nothing but the renewal counts.
-- include: queue/lua/shared/report.lua
local item, reply = begin_report()
if not item then return reply end

local at = now()
apply_phase(item, at)
apply_progress_and_log(item, at)
return reply
