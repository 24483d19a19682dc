"""SQL that a ruleset may hold, and that it may not: `{other}` is another team's table, `{file}` a file of the host."""

from __future__ import annotations

USEFUL = """
select count(*) from primary
select count(*) from primary where id < 0
SELECT COUNT(*) FROM PRIMARY AS p WHERE p.id BETWEEN 1 AND 3
select count(*) - count(distinct id, name) from primary
select count(*) from primary p join primary q on p.id = q.id and p.name <> q.name
select count(*) from primary p left join primary q using (id) where q.id is null
select count(*) from primary p left anti join primary q on p.id = q.id + 1
select count(*) from (select id, row_number() over (partition by name order by id desc) n from primary) where n > 1
select max(total) from (select sum(price) over (order by id rows between 1 preceding and current row) total from\
 primary)
select count(*) from (select name from primary group by name having count(*) > 1)
with twice as (select name from primary group by name having count(*) > 1) select count(*) from twice
with a as (select id from primary), b as (select id from a where id > 1) select count(*) from b
select count(*) from primary where name rlike '^[a-z]+[0-9]*$'
select count(*) from primary where not regexp_like(name, r'^\\w+$')
select count(*) from primary where regexp_extract(name, '([0-9]+)', 1) <> ''
select count(*) from primary where d > current_date - interval 3 days
select count(*) from primary where d >= date '2020-01-01' and datediff(current_date(), d) > 0
select count(*) from primary where year(d) = 2024 and extract(month from d) = 1
select count(*) from primary where d between date_sub(current_date, 10) and date_add(current_date, 1)
select avg(case when price > 1 then 1.0 else 0.0 end) as share from primary
select sum(if(price is null, 1, 0)) / count(*) from primary
select count_if(name like 'n%' or name ilike 'N%' escape '!') from primary
select count(*) from primary where id in (1, 2, 3) and name not in ('x', 'it''s')
select count(*) from primary where id in (select max(id) from primary)
select count(*) from primary p where exists (select 1 from primary q where q.id = p.id and q.name > p.name)
select (select max(id) from primary) - (select min(id) from primary)
select count(*) from primary where id = (select max(q.id) from primary q)
select count(*) from primary where coalesce(nullif(trim(name), ''), 'none') = 'none'
select count(*) from primary where trim(both 'x' from name) = '' or substring(name from 2 for 3) = 'ame'
select count(*) from primary where position('a' in name) = 0 and overlay(name placing 'x' from 1) = 'x'
select count(*) from primary where cast(name as decimal(10, 2)) > 3 or try_cast(name as int) > 3
select count(*) from primary where length(name) > 7 and upper(name) = lower(name) and name || 'x' = 'x'
select count(*) from primary where size(filter(tags, t -> t is null)) > 0 or tags[0] = 'x'
select count(*) from primary where exists(tags, t -> t = 'y') or forall(tags, t -> t = 'z')
select count(*) from primary lateral view outer explode(tags) t as tag where tag is null
select count(*) from (select explode(tags) tag from primary) where tag = 'nothing'
select count(*) from primary where get_json_object(name, '$.a') is not null
select count(*) from primary where from_csv(name, 'a int').a > 1
select count(*) from primary where to_date(name, 'yyyy-MM-dd') is not null
select count(*) from primary where (id, name) in (select id, name from primary where id < 0)
select count(*) from primary where id <=> null or id is distinct from id or not (id > 0)
select percentile_approx(price, 0.5) + percentile(id, 0.5) + stddev_samp(price) middle from primary
select percentile_cont(0.5) within group (order by id) as middle from primary
select sum(price) filter (where id > 1) from primary
select count(*) from (select id from primary union all select id from primary where id > 1)
select count(*) from (select id from primary except select id from primary)
select count(*) from (select id from primary intersect select id from primary limit 3)
select count(*) from (select name, d, sum(price) from primary group by name, d with rollup)
select count(*) from (select name, d, sum(price) from primary group by grouping sets ((name), (d), ()))
select count(*) from (select distinct name from primary order by name desc nulls last limit 5)
select max(n) from (select count(*) n from primary group by all)
select count(*) from primary where struct(id, name).id < 0 or named_struct('a', id).a < 0
select count(*) from (select lag(id) over (order by id) before, id from primary) where before > id
select max(f) from (select first_value(id) ignore nulls over (order by id) f from primary)
select count(*) from primary where array_contains(array(1, 2), id) and map('a', 1)['a'] = 2
select count(*) from primary where id % 2 = 3 or id div 2 = -1 or -id > 3 or ~id > 3 or id & 1 = 7 or id ^ 1 = 99
select count(*) from primary where name = '--' or name = '/*' or name = ';' or name = 'a -- b /* c */;'
select count(*) from primary where d < now() - interval '2' day + interval '1 02:03:04' day to second
select count(*) from primary where timestampdiff(day, d, current_timestamp) < 0 or dateadd(day, 1, d) < d
select count(*) from primary where name like any ('x%', 'y%') or name like all ('x%', 'y%')
select approx_count_distinct(name) - cast(bool_and(id > 0) as int) from primary
select count(*) from primary where name = '\\u0027 or 1 = (select 1 from other.orders) or \\u0027'
select count(*) from primary where `id` < 0 and primary.`name` = 'x'
""".strip().splitlines()
"""Each is evaluated by Spark, on columns id, name, price, d and tags."""

CONDITIONS = """
id > 1
id > 1 and name is not null or not (price < 2)
name rlike '^(a|b)+$' and length(name) between 1 and 5
d >= current_date - interval 3 days
case when price > 1 then id = 2 else true end
id in (1, 2) and coalesce(name, '') <> 'it''s'
array_contains(tags, 'x') or size(filter(tags, t -> t = 'x')) > 0
""".strip().splitlines()

ATTACKS = """
select count(*) from {other}
select count(*) from primary, {other}
select count(*) from primary join {other} on true
select count(*) from primary where id in (select id from {other})
select count(*) from primary where exists (select 1 from {other} o where o.id = primary.id)
select (select max(secret) from {other}) from primary
select count(*) from primary union all select count(*) from {other}
with x as (select * from {other}) select count(*) from x, primary
with primary as (select * from {other}) select count(*) from primary
with a as (select * from b), b as (select id from primary) select count(*) from a
select count(*) from primary where exists (with x as (select 1 from primary) select 1 from x) and 1 in (select 1 from x)
select count(*) from (select * from {other}) primary
select count(*) from {other} primary
select count(*) from (values (1), (2)) primary
select count(*) from primary, values (1), (2)
values (1)
table {other}
from {other} select count(*)
select count(*) from table({other}), primary
select count(*) from primary, lateral (select * from {other})
select count(*) from primary lateral view explode(array(1)) t lateral view java_method('java.lang.System', 'getenv') u
select count(*) from primary, csv.`{file}`
select count(*) from primary, text.`file://{file}`
select count(*) from primary where (select max(value) from text.`{file}`) like 'host%'
select count(*) from primary, parquet.`s3://curated/`
select count(*) from primary, json.`{file}`
select count(*) from primary, binaryFile.`{file}`
select count(*) from primary, read_files('{file}')
select count(*) from primary.snapshots
select count(*) from primary, {other}.snapshots
select count(*) from primary version as of 1
select count(*) from {other} timestamp as of '2020-01-01', primary
select count(*) from {other}.branch_main, primary
select count(*) from primary tablesample (10 percent)
select * from primary pivot (count(*) for id in (1, 2))
select * from primary unpivot (v for k in (id, price))
select count(*) from primary, range(10)
select count(*) from primary where java_method('java.lang.System', 'setProperty', 'owned', 'yes') is null
select count(*) from primary where reflect('java.lang.System', 'setProperty', 'owned', 'yes') is null
select count(*) from primary where `reflect`('java.lang.System', 'setProperty', 'owned', 'yes') is null
select count(*) from primary where ReFlEcT ('java.lang.System', 'setProperty', 'owned', 'yes') is null
select count(*) from primary where system.builtin.reflect('java.lang.System', 'setProperty', 'owned', 'yes') is null
select count(*) from primary where reflect/**/('java.lang.System', 'setProperty', 'owned', 'yes') is null
select count(*) from primary where input_file_name() like 's3%'
select count(*) from primary where current_user() = 'root'
select count(*) from primary where current_user = 'root'
select count(*) from primary where user() = 'root'
select count(*) from primary where version() > '3'
select count(*) from primary where rand() > 0.5
select count(*) from primary where uuid() = ''
select count(*) from primary where raise_error(name) is null
select count(*) from primary where assert_true(false, name) is null
select count(*) from primary where xpath_string('<!DOCTYPE a [<!ENTITY b SYSTEM "file://{file}">]><a>x</a>', 'a') = ''
select count(*) from primary where '${{env:AWS_SECRET_ACCESS_KEY}}' = 'x'
select count(*) from primary where '${{spark.hadoop.fs.s3a.secret.key}}' = 'x'
select ${{spark.x:-count(*) from {other}, }} primary
select /*+ broadcast(p) */ count(*) from primary p
select /*+ coalesce(1) */ count(*) from primary
select count(*) from primary -- where
select count(*) from primary /* where */
select count(*) from primary; delete from {other}
select count(*) from primary;
delete from {other}
delete from {other} where exists (select 1 from primary)
merge into {other} t using primary p on t.id = p.id when matched then delete
update {other} set secret = 'owned'
insert into {other} select id, name from primary
insert overwrite {other} select id, name from primary
insert overwrite directory '/tmp/sluice-owned' using csv select * from primary
with x as (select 1 from primary) insert into {other} select 1, 'x' from primary
from primary insert into {other} select id, name
create table {other}_copy as select * from primary
create or replace temp view primary as select * from {other}
create function f as 'java.lang.Runtime'
drop table {other}
truncate table {other}
alter table {other} add column owned string
cache table primary
call glue_catalog.system.rollback_to_snapshot('{other}', 1)
set spark.sql.variable.substitute = true
set
add jar '{file}'
list jars
show tables
describe {other}
explain select count(*) from primary
use glue_catalog
refresh table {other}
analyze table {other} compute statistics
load data inpath '{file}' into table {other}
select count(*) into x from primary
select transform(id, name) using 'cat {file}' as (a, b) from primary
select transform(id) using '/bin/sh -c id' from primary
map id using 'cat' from primary
select count(*) from primary where id = :id
select count(*) from primary where id = ?
select count(*) from identifier('{other}'), primary
select identifier('reflect')('java.lang.System', 'setProperty', 'owned', 'yes') from primary
select count(*) from `{other}`, primary
select count(*) from primary where name = 'x\\' or exists (select 1 from {other}) or name = 'y'
select count(*) from primary where name = 'it\\'s' and exists (select 1 from {other}) and name <> 'x'
select count(*) from primary where name = r'\\' or exists (select 1 from {other}) or name = '\\'
select count(*) from primary where id = 1 union (select 1 from {other})
select count(*) from primary where id = any (select id from {other})
select count(*) from primary window w as (partition by (select max(id) from {other}))
select count(*) from primary order by (select max(id) from {other})
select count(*) from primary limit (select max(id) from {other})
select count(*) from primary distribute by id
select max(id) over (partition by (select max(id) from {other})) from primary
select ai_gen('x'), http_get('http://x') from primary
select `select count(*) from {other}` from
select
""".strip().splitlines()

BAD_CONDITIONS = """
exists (select 1 from {other})
id in (select id from {other})
id = (select max(id) from {other})
id in (select id from primary)
id > 1) or (1 = 1
id > 1 --
id > 1 /* x
id > 1; delete from {other}
id > 1 union select 1 from {other}
reflect('java.lang.System', 'setProperty', 'owned', 'yes') is null
java_method('java.lang.System', 'getenv', 'PATH') is null
'${{env:PATH}}' = name
input_file_name() = ''
current_user = 'root'
raise_error(name) is null
sum(id) over () > 1
id > :x
a.b.c.reflect(id) > 1
id = 1, name = 'x'
""".strip().splitlines()
