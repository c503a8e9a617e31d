-- Lease one task and complete it, over and over, on each connection; or post events. wrk runs a copy of this in each of its threads.
-- Arguments: KIND TOKEN PREFIX [KEYS]
local kind, token, prefix, keys, count, leased
local threads = {}

function setup(thread)
  table.insert(threads, thread)
  thread:set("number", #threads)
end

function init(args)
  kind, token, prefix, keys = args[1], args[2], args[3], tonumber(args[4] or "1")
  count, leased, completed, posted, wrong = 0, {}, 0, 0, 0
end

local function headers(t)
  return { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. t }
end

local function event(n)
  return string.format('{"source":"load","external_id":"%s-%d-%d","event":"note","entity":"account","key":"G%06d","at":"%s","payload":{"amount":%d}}', prefix, number, n, n % keys, "2026-01-05T12:00:00Z", n % 500)
end

function request()
  count = count + 1
  if kind == "work" then
    local task = table.remove(leased)
    if task then
      return wrk.format("POST", "/v1/tasks/" .. task[1] .. "/complete", headers(token), '{"epoch":' .. task[2] .. ',"outcome":"refuses"}')
    end
    return wrk.format("POST", "/v1/queues/call/lease", headers(token), '{"worker":"w' .. number .. '","n":1}')
  elseif kind == "event" then
    return wrk.format("POST", "/v1/events", headers(token), event(count))
  elseif kind == "batch" then
    local all = {}
    for n = 1, 100 do all[n] = event(count * 100 + n) end
    return wrk.format("POST", "/v1/events/batch", headers(token), '{"events":[' .. table.concat(all, ",") .. "]}")
  end
  return wrk.format("GET", "/v1/accounts?limit=20&after=G" .. string.format("%06d", count * 7 % keys), headers(token))
end

function response(status, _, body)
  if status ~= 200 then
    wrong = wrong + 1
    return
  end
  if kind == "work" then
    local found = false
    for task, epoch in body:gmatch('"task":"([^"]+)","epoch":(%d+)') do
      table.insert(leased, { task, epoch })
      found = true
    end
    if not found and body:find('"accepted"', 1, true) then completed = completed + 1 end
  elseif kind == "event" and body:find('"accepted"', 1, true) then
    posted = posted + 1
  elseif kind == "batch" then
    local _, times = body:gsub('"accepted"', "")
    posted = posted + times
  end
end

local function sum_of(name)
  local sum = 0
  for _, t in ipairs(threads) do sum = sum + (t:get(name) or 0) end
  return sum
end

function done(summary, latency)
  io.write(string.format('RESULT {"seconds":%.3f,"requests":%d,"tasks":%d,"events":%d,"not_200":%d,"socket_errors":%d,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f}\n', summary.duration / 1e6, summary.requests, sum_of("completed"),
    sum_of("posted"), sum_of("wrong"), summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
