/user group add name=gw-read policy=ssh,read,test,!local,!telnet,!ftp,!reboot,!write,!policy,!winbox,!password,!web,!sniff,!sensitive,!api,!rest-api,!romon
/user group add name=gw-write policy=ssh,read,write,test,!local,!telnet,!ftp,!reboot,!policy,!winbox,!password,!web,!sniff,!sensitive,!api,!rest-api,!romon
/user add name=gw group=gw-read address=203.0.113.40/32 password=<long random password>
/user ssh-keys import public-key-file=gw.pub user=gw
/ip service set ssh address=203.0.113.40/32
/ip service disable telnet,ftp,www,www-ssl,api,api-ssl,winbox
/ip ssh set forwarding-enabled=no strong-crypto=yes
/tool mac-server set allowed-interface-list=none
/tool mac-server mac-winbox set allowed-interface-list=none
/tool romon set enabled=no
