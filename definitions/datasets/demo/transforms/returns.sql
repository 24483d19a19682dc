-- Returns of orders that are known, with what is paid back and to whom.
select
  r.order_id,
  r.returned_at,
  r.reason,
  o.item,
  cast(o.quantity * o.price as decimal(20, 2)) as refund,
  c.name as customer,
  r._sluice_order
from staged r
join orders o on o.order_id = r.order_id
join customers c on c.customer_id = o.customer_id
