/ip firewall filter add chain=output action=accept connection-state=established,related comment="gw: answers"
/ip firewall filter add chain=output action=reject reject-with=tcp-reset protocol=tcp connection-state=new dst-address=192.168.88.0/24 comment="gw: no pivot"
